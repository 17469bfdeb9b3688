"""The pages of the app: each queries a view and draws."""
