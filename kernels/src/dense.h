// Networks of dense layers, as their training is told: what `dense.cc` runs.
//
// Arrays of a batch lie in blocks of kColumns columns, (blocks, batch, kColumns): what is done to columns works on memory
// that is in one piece, and a block is at once the packed panel of a product. Columns beyond the last are never read into
// a result.

#pragma once

#include <cstdint>
#include <vector>

#include "parallel.h"

namespace ranvier {

// What is done to each column by itself after (or before) a product.
enum class Kind : int64_t { kRelu, kLeaky, kElu, kSigmoid, kTanh, kSilu, kNormalize, kDrop, kKinds };

// How an optimizer changes a number w for its gradient g, with a rate for each step.
enum class Rule : int64_t { kDescent, kMomentum, kNesterov, kAdam, kRootMeanSquare, kRules };

// What is minimised: the mean over the batch of these, from outputs y and targets t.
enum class Aim : int64_t { kProbabilities, kLogits, kBinary, kBinaryLogits, kSquares, kDistances, kAims };

struct ColumnOp {
  Kind kind;
  // leaky: slope; elu: alpha, scale; normalise: epsilon, momentum, 1 - momentum; drop: the part that is kept
  float a, b, c;
  int64_t gamma, beta;  // places among the parameters, -1: none
  int64_t place;        // normalise: of the moving mean, before the moving variance; drop: of its seed
  uint32_t threshold;   // drop: what words below keep
};

struct Affine {
  int64_t in, out;
  int64_t kernel, bias;  // places among the parameters; bias -1: none
  std::vector<ColumnOp> ops;
};

struct Parameter {
  float* value;
  float* slots[2];
};

struct Training {
  int64_t batch;
  bool softmax;  // the outputs are probabilities by the softmax of the last layer's columns
  Aim aim;
  Rule rule;
  float numbers[3];  // momentum: μ; Adam: 1 - β₁, 1 - β₂, ε; root mean square: ρ, 1 - ρ, ε
  float scale, offset;  // of the inputs
  std::vector<ColumnOp> before;  // on the inputs: drop, functions
  std::vector<Affine> layers;
  std::vector<Parameter> parameters;
  std::vector<float*> moving;

  // The data: images (rows, layers[0].in), as floats or, if those are null, as bytes; targets (rows, width of the last
  // layer) as floats, or, if those are null, as classes; null `order`: as they lie.
  const float* floats;
  const uint8_t* bytes;
  const float* targets;
  const int32_t* classes;
  const int32_t* order;
  int64_t rows;           // of the data
  const float* rates;     // (steps, 2): of the step, and of the decay of weights
  const uint32_t* seeds;  // two words for each drop, the second moves on with each step
  float* outputs;         // (steps * batch, width of the last layer), or null
};

// Trains from step `start` to `stop`; step i takes the rows order[i * batch : (i + 1) * batch].
void Train(const Pool&, Training&, int64_t start, int64_t stop);

}  // namespace ranvier
