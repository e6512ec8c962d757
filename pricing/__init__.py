"""What the stack costs on AWS: measured units, a dated price list, and the page made of both."""
