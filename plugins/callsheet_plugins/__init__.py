"""The plugins that come with callsheet, installed through the same entry points as everybody's."""
