"""How does an audit become one HTML file?"""
