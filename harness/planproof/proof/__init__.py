"""What is proved: bindings, checks, evidence, the verdict and the gate."""
