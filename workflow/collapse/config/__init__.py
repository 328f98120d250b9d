"""The config: what may be set (`settings`), what each stage gets to see of it (`plan`), and its errors (`problems`)."""

from collapse.config.plan import Plan, load_plan

__all__ = ["Plan", "load_plan"]
