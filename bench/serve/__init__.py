"""``coldbench serve``: an AWS endpoint on this machine.

moto answers for every service; what Lambda runs, runs in our emulator. One module, ``moto_lambda``,
knows how moto is extended.
"""
