"""Layers that attend."""

from .additive import AdditiveAttention
from .dot import Attention
from .grouped_query import GroupedQueryAttention
from .multi_head import MultiHeadAttention

__all__ = ["AdditiveAttention", "Attention", "GroupedQueryAttention", "MultiHeadAttention"]
