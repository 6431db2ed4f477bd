"""The parts of the Space. Only page.py and inputs.py know Gradio."""
