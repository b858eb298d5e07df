"""`python -m tests.architecture`: the measures of the code."""

from tests.architecture.shape import measures

if __name__ == "__main__":
    print("\n".join(measures()))
