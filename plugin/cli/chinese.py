"""Simplified Chinese for what a store admin reads on the contact sheet; the key is the English text beside it."""

from __future__ import annotations

from collections.abc import Mapping

CHINESE: Mapping[str, str] = {
    "Pictures": "图片",
    "the product's own photo": "商品原图",
    "waiting": "等待中",
    "fetched": "已下载",
    "in review": "待审核",
    "approved": "已通过",
    "rejected": "已拒绝",
    "publishing": "发布中",
    "published": "已发布",
    "withdrawn": "已撤回",
    "failed": "失败",
    "lost": "已丢失",
    "cancelled": "已取消",
    "not in the ratio that was asked for": "比例与要求不符",
    "smaller than was asked for": "尺寸小于要求",
    "nearly one colour": "画面几乎为单一颜色",
    "looks like the picture it was made from": "与原图几乎相同",
    "it is not known which prompt made it": "无法确定由哪条提示词生成",
}


def both(english: str) -> str:
    """The text in both languages; one that comes from elsewhere (an error of the service) stays as it is."""
    chinese = CHINESE.get(english)
    return f"{english} · {chinese}" if chinese else english
