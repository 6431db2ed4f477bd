"""Training, from a data set root to a run folder with a model in it.

Read ``loop`` first, from top to bottom; then what it is made of: ``objective`` (what is made
small), ``optimisation`` (what moves the weights), ``precision``, ``distillation`` (a teacher),
``distributed`` (several processes), ``interrupt``, ``resume_state``, ``run_folder``; and
``finishing``, which comes after the last step.
"""
