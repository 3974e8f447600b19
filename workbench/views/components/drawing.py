"""How does an SVG drawing come onto a page of Streamlit, which takes SVG out of what is put into it?"""

from __future__ import annotations

import base64
import re


def as_image(svg: str, attributes: str = 'style="width: 100%"') -> str:
    """The drawing as an image of the same height, with its own description as words for who does not see it."""
    height, told = re.search(r'height="(\d+)"', svg), re.search(r"<desc[^>]*>(.*?)</desc>", svg, re.DOTALL)
    source = base64.b64encode(svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1).encode()).decode()
    words = told[1] if told else ""  # escaped as text, which holds in an attribute between double quotes as well
    size = f'height="{height[1]}" ' if height else ""
    return f'<img {attributes} {size}alt="{words}" src="data:image/svg+xml;base64,{source}">'
