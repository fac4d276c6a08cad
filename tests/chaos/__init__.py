"""The fault campaign: the program is killed before and after each commit and each outgoing call, answers are lost,
and what the services saw is compared with what the program believes.

    make chaos                                                the long form
    .venv/bin/python -m tests.chaos --only "submit"           the points whose label has this in it
    .venv/bin/python -m tests.chaos --sabotage intent         shows that the campaign finds a broken program

Start reading at `campaign`; `points` says what a point is, `hooks` how the program is made to pass by them.
"""
