"""What is wanted and what is remembered -> Plan: what apply would do, and why."""

from envbuild.plan.reasons import Source, content_reasons
from envbuild.plan.steps import ACTIONS, CHANGES, Action, Plan, Step, Subject, plan

__all__ = ["ACTIONS", "CHANGES", "Action", "Plan", "Source", "Step", "Subject", "content_reasons", "plan"]
