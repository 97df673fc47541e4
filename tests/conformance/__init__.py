"""Long checks of the local Lambda against published measurements of the real one."""
