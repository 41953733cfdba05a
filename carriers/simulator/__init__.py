"""The simulated carrier: an SMSC with handsets and a fault script, on the same Session class as our own client."""

from carriers.simulator.smsc import Simulator

__all__ = ["Simulator"]
