"""PlantedSkew: what do our rules, and those of other tools, say of data whose truth is known?"""
