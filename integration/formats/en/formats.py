"""How the admin's lists write days and times: as the desk's own pages do, the zone with them."""

DATE_FORMAT = "Y-m-d"
DATETIME_FORMAT = r"Y-m-d H:i \U\T\C"
