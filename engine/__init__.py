"""prompts -> images -> experts -> merge -> evaluate -> votes."""
import os

# The Hugging Face libraries read it when they are first imported.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
# torch's threads wait asleep. Awake, as by default, those of two processes (a job, and the app's sliders) take each
# other's cores while they wait: measured on two cores, a forward pass beside a training took 2.9 s instead of 0.4.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
