"""Cases of the catalogue: attention, einsum, low-rank additions, reversible embeddings."""

from .case import Case

__all__ = ["CASES"]

PAIR = [(2, 5, 3), (2, 4, 3)]
TRIPLE = [(2, 5, 3), (2, 4, 6), (2, 4, 3)]

CASES: list[Case] = [
    Case("EinsumDense", {"equation": "abc,cd->abd", "output_shape": (None, 4), "bias_axes": "d"}, (2, 5, 3)),
    Case("EinsumDense", {"equation": "ab,bc->ac", "output_shape": 4, "activation": "relu", "bias_axes": "c",
                         "kernel_regularizer": "l2", "bias_regularizer": "l1", "kernel_constraint": "max_norm",
                         "bias_constraint": "non_neg", "activity_regularizer": "l2"}),
    Case("EinsumDense", {"equation": "...x,xy->...y", "output_shape": 4, "bias_axes": "y"}, (2, 5, 3)),
    Case("EinsumDense", {"equation": "ab...,bc->ac...", "output_shape": (4, None), "bias_axes": "c"}, (2, 5, 3)),
    Case("EinsumDense", {"equation": "abc,cde->abde", "output_shape": (None, 2, 3), "bias_axes": "e"}, (2, 5, 3)),
    Case("EinsumDense", {"equation": "abcd,cde->abe", "output_shape": (None, 4)}, (2, 5, 2, 3)),
    Case("EinsumDense", {"equation": "abc,cd->abd", "output_shape": (None, 4), "bias_axes": "d", "lora_rank": 2},
         (2, 5, 3)),
    Case("Dense", {"units": 4, "lora_rank": 2, "kernel_regularizer": "l2"}),
    Case("Embedding", {"input_dim": 5, "output_dim": 3, "lora_rank": 2}, (2, 4), integers_below=5),
    Case("ReversibleEmbedding", {"input_dim": 5, "output_dim": 3}, (2, 4), integers_below=5),
    Case("ReversibleEmbedding", {"input_dim": 5, "output_dim": 3, "tie_weights": False, "mask_zero": True,
                                 "embeddings_regularizer": "l2", "reverse_dtype": "float32", "logit_soft_cap": 5.0},
         (2, 4), integers_below=5),
    Case("Attention", {}, PAIR),
    Case("Attention", {"use_scale": True}, TRIPLE),
    Case("Attention", {"use_scale": True, "score_mode": "concat"}, TRIPLE),
    Case("Attention", {}, [(2, 2, 5, 3), (2, 2, 4, 3)]),
    Case("Attention", {"dropout": 0.5, "seed": 1}, PAIR, random=True),
    Case("AdditiveAttention", {}, PAIR),
    Case("AdditiveAttention", {"use_scale": False}, TRIPLE),
    Case("AdditiveAttention", {"dropout": 0.5}, PAIR, random=True),
]  # fmt: skip
