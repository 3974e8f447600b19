"""How does one of TinyEmo's published checkpoints become a probe?"""
