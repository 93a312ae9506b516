"""Jobs of the toy stage."""
from engine import jobs


def start(run="demo", **config):
    return jobs.start("toy", config, jobs.run_folder(run))


def wait_for(text, job):
    for event in jobs.follow(job, every_seconds=0.02):
        if event.text == text:
            return
    raise AssertionError(f"{text!r} never came")
