//! SQL, rows, migrations, journal, queue and filters.
