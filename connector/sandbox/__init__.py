"""Stateful emulators of the vendors over real HTTP on loopback; they import nothing of the product."""
