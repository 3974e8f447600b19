"""How are files written so that they appear whole, and opened so that damage is told in one line?"""
