// Training of networks of dense layers: all steps of a call, in one team of threads.
//
// A step of a small network is some forty short operations. As XLA's they cost more in waking threads and in passing from
// one to the next than in arithmetic; here a step is a few pieces of work for threads that stay together: a product of a
// layer with what follows it, column block by column block; backwards the same with the gradient; and the gradient of a
// kernel, which the optimizer uses up while it is in the cache. Tasks are the same however many threads there are, so the
// numbers are, too.

#include "dense.h"

#include <atomic>
#include <cstring>
#include <vector>

#include "block_tile.h"
#include "columns.h"
#include "inputs.h"
#include "objective.h"
#include "rules.h"
#include "scratch.h"
#include "sparse.h"
#include "team.h"

namespace ranvier {
namespace {

constexpr int64_t kPanel = 160;        // rows of a packed panel: it stays in the first cache
constexpr int64_t kBlockRows = 256;   // rows of a batch in one task of a product
constexpr int64_t kStretch = 512;     // columns of a kernel in one task of its gradient
constexpr int64_t kMember = 400000;   // multiplications in a step that are worth another thread
constexpr float kSparse = 0.375f;     // the part of inputs that is not zero, below which zeros are left out
constexpr int64_t kTrial = 16;        // steps after which zeros are looked for where there were few
constexpr int64_t kSparseRows = 16;   // rows of a batch in one task of a product without zeros

float* MyPanel() {
  thread_local Scratch scratch;
  return scratch.Of(kPanel * kColumns);
}

float* MyGradient() {
  thread_local Scratch scratch;
  return scratch.Of(kColumns * (kStretch + kColumns));
}

class Trainer {
 public:
  Trainer(const Pool& pool, Training& t) : t_(t), m_(t.batch), block_((m_ | 1) * kColumns), team_(pool, Members(t)) {
    Allot();
  }

  void Steps(int64_t start, int64_t stop) {
    inputs_[start & 1].marked = true;
    for (int64_t m = 0; m < m_; ++m) inputs_[start & 1].Fetch(t_, start, m, block_);
    for (step_ = start; step_ < stop; ++step_) {
      now_ = &inputs_[step_ & 1];
      next_ = step_ + 1 < stop ? &inputs_[(step_ + 1) & 1] : nullptr;
      rates_ = t_.rates + 2 * step_;
      drop_ = step_ - start;
      sparse_ = Sparse(sparse_);
      calm_ = true;
      if (next_) next_->marked = sparse_ || step_ % kTrial == 0;
      Before();
      for (size_t l = 0; l < t_.layers.size(); ++l) ForwardLayer(l);
      Objective();
      for (size_t l = t_.layers.size(); l-- > 1;) BackwardLayer(l);
      LastGradients();
    }
  }

 private:
  struct Layer {
    std::vector<Kept> kept;        // of each operation, for block 0
    float* product = nullptr;      // xW + b, of block 0
    float* out = nullptr;          // what the next layer reads
    float* slope = nullptr;        // the gradient by `out`, then by `product`
  };

  static int64_t Members(const Training& t) {
    int64_t work = 0;
    for (const Affine& layer : t.layers) work += t.batch * layer.in * layer.out;
    return 1 + work / kMember;
  }

  const float* FirstKernel() const { return t_.parameters[t_.layers[0].kernel].value; }

  // All memory of the call, in one piece.
  void Allot() {
    int64_t need = 0;
    const auto room = [&](int64_t count) {
      const int64_t at = need;
      need += (count + 15) / 16 * 16;
      return at;
    };
    const auto lay = [&](float* base) {
      need = 0;
      const int64_t first = t_.layers[0].in, in = Blocks(first) * block_;
      for (Inputs& inputs : inputs_) {
        inputs.blocks = base + room(in);
        inputs.marks.Lay(base + room(Marks::Room(m_, first)), first);
      }
      before_.clear();
      float* last = LayOps(t_.before, first, base, room, nullptr, before_);
      changed_ = last;
      layers_.assign(t_.layers.size(), {});
      for (size_t l = 0; l < layers_.size(); ++l) {
        const int64_t width = t_.layers[l].out, size = Blocks(width) * block_;
        Layer& layer = layers_[l];
        layer.product = base + room(size);
        layer.slope = base + room(size);
        layer.out = LayOps(t_.layers[l].ops, width, base, room, layer.product, layer.kept);
      }
    };
    lay(nullptr);
    const int64_t count = need;
    float* base = memory_.Of(count);
    std::memset(base, 0, count * sizeof(float));
    lay(base);
  }

  template <typename Room>
  float* LayOps(const std::vector<ColumnOp>& ops, int64_t width, float* base, const Room& room, float* in,
                std::vector<Kept>& kept) {
    for (const ColumnOp& op : ops) {
      const int64_t size = Blocks(width) * block_, side = Blocks(width) * kColumns;
      Kept k{in, base + room(size), nullptr, nullptr, nullptr};
      if (op.kind == Kind::kDrop) k.mask = base + room(size);
      if (op.kind == Kind::kNormalize) {
        k.mean = base + room(side);
        k.spread = base + room(side);
      }
      kept.push_back(k);
      in = k.out;
    }
    return in;
  }

  Kept Of(const Kept& k, int64_t c) const {
    return {k.in + c * block_, k.out + c * block_, k.mask ? k.mask + c * block_ : nullptr,
            k.mean ? k.mean + c * kColumns : nullptr, k.spread ? k.spread + c * kColumns : nullptr};
  }

  // --- inputs ---

  // What comes before the first product.
  void Before() {
    if (t_.before.empty()) {
      changed_ = now_->blocks;
      return;
    }
    const int64_t width = t_.layers[0].in, blocks = Blocks(width);
    before_[0].in = now_->blocks;
    team_.Run(blocks, m_ * width * 4, [&](int64_t c) {
      const Place place{m_, c * kColumns, width};
      for (size_t o = 0; o < t_.before.size(); ++o) Forward(t_, t_.before[o], place, Of(before_[o], c), drop_);
    });
  }

  // Whether so much of the batch is zero that leaving the zeros out is worth it, and may be done; `before`: whether they
  // were in the step before, which then looked at the kernel.
  bool Sparse(bool before) {
    const Affine& first = t_.layers[0];
    if (!now_->marked || !t_.before.empty() || first.out < kColumns) return false;
    count_ = 0;
    for (int64_t m = 0; m < m_; ++m) count_ += now_->marks.Count(m);
    if (count_ >= m_ * first.in * kSparse) return false;
    if (!before) finite_ = Finite(FirstKernel(), 1, first.in * first.out, 0);
    return finite_;
  }

  // --- forwards ---

  const float* InputOf(size_t l) const { return l ? layers_[l - 1].out : changed_; }

  // C = A B for some rows and one block of columns; `pack(k, length)` gives rows k to k + length of B.
  template <typename Pack>
  void Product(const float* a, int64_t depth, int64_t first, int64_t rows, float* c, const Pack& pack) const {
    static_assert(kPanel % kColumns == 0);
    for (int64_t k = 0; k < depth; k += kPanel) {
      const int64_t length = std::min(kPanel, depth - k);
      BlockRows<kColumns, 1>(rows, a + k / kColumns * block_ + first * kColumns, block_, length, pack(k, length),
                             c + first * kColumns, kColumns, k ? Store::kAdd : Store::kSet);
    }
  }

  void ForwardBlock(size_t l, int64_t c, int64_t first, int64_t rows) {
    const Affine& layer = t_.layers[l];
    const int64_t column = c * kColumns, columns = std::min<int64_t>(kColumns, layer.out - column);
    const float* w = t_.parameters[layer.kernel].value + column;
    Product(InputOf(l), layer.in, first, rows, layers_[l].product + c * block_, [&](int64_t k, int64_t length) {
      float* panel = MyPanel();
      Pack(w + k * layer.out, length, layer.out, 1, columns, panel);
      Expect(w + (k + length) * layer.out, std::min(kPanel, layer.in - k - length), layer.out, kColumns);
      return panel;
    });
  }

  void FinishBlock(size_t l, int64_t c) {
    const Affine& layer = t_.layers[l];
    const Place place{m_, c * kColumns, layer.out};
    if (layer.bias >= 0) {
      float* at = layers_[l].product + c * block_;
      for (int v = 0; v < kVectors; ++v) {
        const Vector bias = Columns(t_.parameters[layer.bias].value, place, v);
        for (int64_t m = 0; m < m_; ++m) At(at, m * kVectors + v) += bias;
      }
    }
    for (size_t o = 0; o < layer.ops.size(); ++o) Forward(t_, layer.ops[o], place, Of(layers_[l].kept[o], c), drop_);
  }

  // The first layer's product with what is not zero.
  void ForwardSparse() {
    const Affine& layer = t_.layers[0];
    const int64_t blocks = Blocks(layer.out), groups = Pieces(m_, kSparseRows), products = Pieces(blocks, kChunk) * groups;
    team_.Run(products, count_ * layer.out, [&](int64_t i) {
      const int64_t c = i / groups * kChunk, begin = i % groups * kSparseRows;
      const int64_t rows = std::min(kSparseRows, m_ - begin), columns = layer.out - c * kColumns;
      Choose<kChunk>(std::min(kChunk, blocks - c), [&](auto count) {
        constexpr int kBlocks = decltype(count)::value;
        SparseProduct<kBlocks>(now_->marks, now_->blocks, begin, rows, FirstKernel() + c * kColumns, layer.in, layer.out,
                               std::min<int64_t>(kBlocks * kColumns, columns), layers_[0].product + c * block_, block_);
      });
    });
    team_.Run(blocks, m_ * layer.out * 8, [&](int64_t c) { FinishBlock(0, c); });
  }

  void ForwardLayer(size_t l) {
    if (l == 0 && sparse_) return ForwardSparse();
    const Affine& layer = t_.layers[l];
    const int64_t blocks = Blocks(layer.out), pieces = Pieces(m_, kBlockRows), work = m_ * layer.in * layer.out;
    if (pieces == 1) {
      team_.Run(blocks, work, [&](int64_t c) {
        ForwardBlock(l, c, 0, m_);
        FinishBlock(l, c);
      });
      return;
    }
    team_.Run(blocks * pieces, work, [&](int64_t i) {
      const int64_t first = i % pieces * kBlockRows;
      ForwardBlock(l, i / pieces, first, std::min(kBlockRows, m_ - first));
    });
    team_.Run(blocks, m_ * layer.out * 8, [&](int64_t c) { FinishBlock(l, c); });
  }

  // --- the objective ---

  void ObjectiveRow(int64_t m, float* y, float* d, float* t) {
    Layer& last = layers_.back();
    const int64_t width = t_.layers.back().out, blocks = Blocks(width), padded = blocks * kColumns;
    for (int64_t c = 0; c < blocks; ++c)
      std::memcpy(y + c * kColumns, last.out + c * block_ + m * kColumns, kColumns * sizeof(float));
    const int64_t row = RowOf(t_, step_, m);
    const float* target = t;
    if (t_.targets) {
      target = t_.targets + row * width;
    } else {
      std::memset(t, 0, padded * sizeof(float));
      if (t_.classes[row] >= 0 && t_.classes[row] < width) t[t_.classes[row]] = 1.0f;
    }
    Slope(t_, width, padded, target, y, d);
    if (t_.outputs) std::memcpy(t_.outputs + (step_ * m_ + m) * width, y, width * sizeof(float));
    for (int64_t c = 0; c < blocks; ++c)
      std::memcpy(last.slope + c * block_ + m * kColumns, d + c * kColumns, kColumns * sizeof(float));
  }

  void Objective() {
    const int64_t width = t_.layers.back().out, padded = Blocks(width) * kColumns;
    constexpr int64_t kSome = 8;
    team_.Run(Pieces(m_, kSome), m_ * width * 30, [&](int64_t i) {
      thread_local Scratch scratch;
      float* row = scratch.Of(3 * padded);
      for (int64_t m = i * kSome; m < std::min(m_, (i + 1) * kSome); ++m)
        ObjectiveRow(m, row, row + padded, row + 2 * padded);
    });
    const size_t l = layers_.size() - 1;
    team_.Run(Blocks(width), m_ * width * 8, [&](int64_t c) { BackwardBlock(l, c); });
  }

  // --- backwards ---

  void Learn(int64_t parameter, int64_t first, int64_t count, const float* gradient) {
    if (count == kChunk * kColumns) {
      Apply(t_, t_.parameters[parameter], first, kChunk * kColumns, gradient, rates_);
    } else {
      Apply(t_, t_.parameters[parameter], first, count, gradient, rates_);
    }
  }

  // From the gradient by a layer's outputs to that by its product, with what is learnt by the columns on the way.
  void BackwardBlock(size_t l, int64_t c) {
    const Affine& layer = t_.layers[l];
    const Place place{m_, c * kColumns, layer.out};
    float* d = layers_[l].slope + c * block_;
    alignas(64) float first[kColumns], second[kColumns];
    for (size_t o = layer.ops.size(); o-- > 0;) {
      const ColumnOp& op = layer.ops[o];
      const Kept kept = Of(layers_[l].kept[o], c);
      if (op.kind != Kind::kNormalize) {
        Backward(op, place, kept, d);
        continue;
      }
      NormalizeSlope(t_, op, place, kept, d, first, second);
      if (op.gamma >= 0) Learn(op.gamma, place.first, place.columns(), first);
      if (op.beta >= 0) Learn(op.beta, place.first, place.columns(), second);
    }
    if (l == 0 && sparse_ && !Finite(d, 1, m_ * kColumns, 0)) calm_ = false;
    if (layer.bias < 0) return;
    const bool idle = !layer.ops.empty() && layer.ops[0].kind == Kind::kNormalize;  // the mean takes the bias away
    for (int v = 0; v < kVectors; ++v) {
      Vector sum = {};
      if (!idle)
        for (int64_t m = 0; m < m_; ++m) sum += At(d, m * kVectors + v);
      At(first, v) = sum;
    }
    Learn(layer.bias, place.first, place.columns(), first);
  }

  // The gradient by the inputs of layer l, for some rows and one block of columns of the layer below.
  void InputBlock(size_t l, int64_t c, int64_t first, int64_t rows) {
    const Affine& layer = t_.layers[l];
    const int64_t column = c * kColumns, columns = std::min<int64_t>(kColumns, layer.in - column);
    const float* w = t_.parameters[layer.kernel].value + column * layer.out;
    Product(layers_[l].slope, layer.out, first, rows, layers_[l - 1].slope + c * block_,
            [&](int64_t k, int64_t length) {
              float* panel = MyPanel();
              Pack(w + k, length, 1, layer.out, columns, panel);
              return panel;
            });
  }

  int64_t KernelTasks(size_t l) const { return Blocks(t_.layers[l].in) * Pieces(t_.layers[l].out, kStretch); }

  // Some rows and columns of the kernel of layer l: its gradient, and the step.
  void KernelTask(size_t l, int64_t i) {
    const Affine& layer = t_.layers[l];
    const int64_t pieces = Pieces(layer.out, kStretch), c = i / pieces, begin = i % pieces * kStretch;
    const int64_t end = std::min(layer.out, begin + kStretch), rows = std::min<int64_t>(kColumns, layer.in - c * kColumns);
    const int64_t stride = Blocks(end - begin) * kColumns;
    const float* x = InputOf(l) + c * block_;
    float* gradient = MyGradient();
    for (int64_t f = begin; f < end; f += kColumns) {
      const float* slopes = layers_[l].slope + f / kColumns * block_;
      for (int64_t m = 0; m < m_; m += kDepth) {
        BlockRows<1, kColumns>(rows, x + m * kColumns, kColumns * kColumns, std::min(kDepth, m_ - m), slopes + m * kColumns,
                               gradient + f - begin, stride, m ? Store::kAdd : Store::kSet);
      }
    }
    const int64_t at = c * kColumns * layer.out;
    if (stride == layer.out) {
      Learn(layer.kernel, at, rows * layer.out, gradient);
    } else {
      for (int64_t r = 0; r < rows; ++r)
        Learn(layer.kernel, at + r * layer.out + begin, end - begin, gradient + r * stride);
    }
  }

  int64_t SparseTasks() const { return Marks::Parts(t_.layers[0].in) * Pieces(t_.layers[0].out, kStretch); }

  // The same as KernelTask, of the first layer, for inputs that are mostly zeros.
  void SparseTask(int64_t i) {
    const Affine& layer = t_.layers[0];
    const int64_t pieces = Pieces(layer.out, kStretch), p = i / pieces, begin = i % pieces * kStretch;
    const int64_t end = std::min(layer.out, begin + kStretch), blocks = Blocks(end - begin);
    const int64_t first = p * kPart, rows = std::min(kPart, layer.in - first), words = Marks::Words(m_);
    thread_local std::vector<uint64_t> turned;
    turned.resize(kPart * words);
    now_->marks.Turn(m_, p, turned.data());
    alignas(64) float gradient[kChunk * kColumns];
    for (int64_t n = 0; n < rows; ++n) {
      const float* x = now_->blocks + (first + n) / kColumns * block_ + n % kColumns;
      for (int64_t b = 0; b < blocks; b += kChunk) {
        const int64_t some = std::min(kChunk, blocks - b), column = begin + b * kColumns;
        Choose<kChunk>(some, [&](auto count) {
          SparseGradient<decltype(count)::value>(turned.data() + n * words, words, x,
                                                 layers_[0].slope + column / kColumns * block_, block_, gradient);
        });
        Learn(layer.kernel, (first + n) * layer.out + column, std::min(some * kColumns, end - column), gradient);
      }
    }
    if (!Finite(FirstKernel() + first * layer.out + begin, rows, end - begin, layer.out)) finite_ = false;
  }

  // The gradient by the inputs of layer l, and beside it the kernel of the layer above, which nobody reads any more.
  void BackwardLayer(size_t l) {
    const int64_t blocks = Blocks(t_.layers[l].in), pieces = Pieces(m_, kBlockRows);
    const bool above = l + 1 < layers_.size();
    const int64_t kernel = above ? KernelTasks(l + 1) : 0;
    int64_t work = m_ * t_.layers[l].in * t_.layers[l].out;
    if (above) work += m_ * t_.layers[l + 1].in * t_.layers[l + 1].out;
    team_.Run(blocks * pieces + kernel, work, [&](int64_t i) {
      if (i >= blocks * pieces) return KernelTask(l + 1, i - blocks * pieces);
      const int64_t first = i % pieces * kBlockRows, c = i / pieces;
      InputBlock(l, c, first, std::min(kBlockRows, m_ - first));
      if (pieces == 1) BackwardBlock(l - 1, c);
    });
    if (pieces > 1) team_.Run(blocks, m_ * t_.layers[l].in * 8, [&](int64_t c) { BackwardBlock(l - 1, c); });
  }

  // The kernels that are left, and the next batch.
  void LastGradients() {
    const bool above = layers_.size() > 1;
    sparse_ = sparse_ && calm_;
    const int64_t first = sparse_ ? SparseTasks() : KernelTasks(0), second = above ? KernelTasks(1) : 0;
    constexpr int64_t kSome = 4;
    const int64_t rows = next_ ? Pieces(m_, kSome) : 0;
    team_.Run(rows + second + first, m_ * t_.layers[0].in * t_.layers[0].out, [&](int64_t i) {
      if (i < rows) {
        for (int64_t m = i * kSome; m < std::min(m_, (i + 1) * kSome); ++m) next_->Fetch(t_, step_ + 1, m, block_);
      } else if (i < rows + second) {
        KernelTask(1, i - rows);
      } else {
        const int64_t task = i - rows - second;
        sparse_ ? SparseTask(task) : KernelTask(0, task);
      }
    });
  }

  Training& t_;
  const int64_t m_, block_;
  Team team_;
  Lent memory_;
  bool sparse_ = false;                // whether zeros of this batch are left out
  int64_t count_ = 0;                  // how many of its numbers are none
  std::atomic<bool> finite_{false};    // whether the first kernel is: zeros of the inputs can be left out
  std::atomic<bool> calm_{true};       // whether the gradient by its product is
  Inputs inputs_[2];
  std::vector<Kept> before_;
  std::vector<Layer> layers_;
  float* changed_ = nullptr;  // the inputs of the first product
  Inputs* now_ = nullptr;
  Inputs* next_ = nullptr;
  const float* rates_ = nullptr;
  int64_t step_ = 0, drop_ = 0;
};

}  // namespace

void Train(const Pool& pool, Training& t, int64_t start, int64_t stop) {
  if (start < stop) Trainer(pool, t).Steps(start, stop);
}

}  // namespace ranvier
