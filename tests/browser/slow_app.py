"""`app.py` where the next pair is slow to come, never equally: drawings overtake each other."""
import random
import time

from app.shell import build, launch_options
from engine.votes import ballots

SECONDS = (0.2, 1.2)
CHANCE = random.Random(0)


def slowly(next_ballot):
    def wrapped(*given):
        found = next_ballot(*given)
        time.sleep(CHANCE.uniform(*SECONDS))
        return found
    return wrapped


if __name__ == "__main__":
    ballots.next_ballot = slowly(ballots.next_ballot)
    build().launch(**launch_options())
