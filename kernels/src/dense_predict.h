// Networks of dense layers, as they predict: what `dense_predict.cc` runs.

#pragma once

#include "dense.h"
#include "scratch.h"

namespace ranvier {

// A network whose weights were packed once, for predictions of any number of rows. A row's outputs are the same bits
// however many rows are predicted with it.
class Predictor {
 public:
  struct Network {
    bool softmax;         // the outputs are probabilities by the softmax of the last layer's columns
    float scale, offset;  // of the inputs
    std::vector<ColumnOp> before;
    std::vector<Affine> layers;
  };

  // `parameters` and `moving` are as in training; nothing of them is needed afterwards.
  Predictor(const Pool&, Network, const std::vector<const float*>& parameters, const std::vector<const float*>& moving);

  int64_t in() const { return network_.layers.front().in; }
  int64_t out() const { return network_.layers.back().out; }

  // y (rows, out) for x (rows, in), given as floats or, if those are null, as bytes. Returns whether all inputs are finite.
  bool Run(const Pool&, int64_t rows, const float* floats, const uint8_t* bytes, float* y) const;

 private:
  struct Packed {
    float* kernel;               // (blocks, in, kColumns)
    float* bias;                 // (blocks, kColumns), or null
    std::vector<float*> sides;  // of each operation that normalises: mean, factor, shift, (3, blocks, kColumns)
  };
  class Rows;

  Network network_;
  std::vector<Packed> packed_;
  Lent memory_;
  int64_t widest_ = 0;  // blocks of the widest layer or input
  int64_t work_ = 0;    // multiplications for a row
};

}  // namespace ranvier
