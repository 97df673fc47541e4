"""The known-shift control: programs of ours whose difference is known, built like any function."""

from bench.controls.program import ControlProgram, build_control, rebuilt_control, with_control

__all__ = ["ControlProgram", "build_control", "rebuilt_control", "with_control"]
