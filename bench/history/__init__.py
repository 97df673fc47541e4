"""The history of a project's cold starts, and the changes in it.

What is stored is the ratio to a pinned anchor build that was measured in the same run, so that a
change of the machine drops out. Change points in such a series only nominate: what is told to
anybody was measured again, both revisions in one interleaved run.
"""
