"""A run while it is measured: the schedule, the measuring process, and who follows it.

``python -m bench.session`` is the measuring process, of standard library and emulator only. In the
reporting process :mod:`~bench.session.measurement` starts it and :mod:`~bench.session.advice`
answers it; :mod:`~bench.session.dialogue` is what they say to each other.
"""
