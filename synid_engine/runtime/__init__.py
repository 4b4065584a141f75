"""Where models live: devices, the frozen backbone and the noise of a seed."""
