"""Follow a run with MLflow: experiment → arm → run, on a tracking server or in a local database."""

from callsheet_plugins.trackers.mlflow.plugin import Mlflow

__all__ = ["Mlflow"]
