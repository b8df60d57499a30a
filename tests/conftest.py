"""What all tests share: hypothesis without deadlines, for a test never depends on the machine's speed."""

from hypothesis import HealthCheck, settings

settings.register_profile("anban", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("anban")
