"""Where do data, probes and analyses meet: commands, reports, and the app?"""
