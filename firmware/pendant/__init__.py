"""What the pendant does with a press: gestures, press book, schedule, surfaces, stores, radio, and the
loop.
"""
