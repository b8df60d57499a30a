"""The pendant: its application and its boards."""
