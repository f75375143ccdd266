"""The section `experiment`: what its file may say, where the file is found, and how it is read."""

from callsheet.config.experiment.settings import MOST_ARMS as MOST_ARMS
from callsheet.config.experiment.settings import BudgetSettings as BudgetSettings
from callsheet.config.experiment.settings import ExperimentSettings as ExperimentSettings
from callsheet.config.experiment.settings import HalvingSettings as HalvingSettings
from callsheet.config.experiment.settings import SearchSettings as SearchSettings
from callsheet.config.experiment.settings import SequentialSettings as SequentialSettings
