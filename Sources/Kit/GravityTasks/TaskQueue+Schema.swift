public import GravityData

extension TaskQueue {
  /// To be part of a service's migration, together with ``Lease/migrationStatements``.
  public static let migrationStatements: [SQL] = [
    .table(
      "gravity_tasks",
      """
      id \(type: .uuid) PRIMARY KEY, type \(type: .text) NOT NULL, state \(type: .text) NOT NULL,
      priority \(type: .bigint) NOT NULL, payload \(type: .text) NOT NULL, unique_key \(type: .text),
      run_at \(type: .timestamptz) NOT NULL, attempt \(type: .bigint) NOT NULL, failures \(type: .bigint) NOT NULL,
      lease_until \(type: .timestamptz), worker \(type: .text), cancel_requested \(type: .boolean) NOT NULL,
      progress \(type: .double), note \(type: .text), error \(type: .text),
      traceparent \(type: .text), request_id \(type: .text),
      schedule \(type: .text), scheduled_for \(type: .timestamptz), retention \(type: .bigint) NOT NULL,
      enqueued_at \(type: .timestamptz) NOT NULL, started_at \(type: .timestamptz),
      finished_at \(type: .timestamptz), expires_at \(type: .timestamptz)
      """)
      // Rows change often and live shortly: room for updates in place, and dead rows swept before they pile up.
      + .only(
        .postgresql,
        """
         WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200,
        autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05)
        """),
    // What a claim reads: a range for each type and priority, so that neither tasks of the future nor those of types
    // that are busy or unknown stand in its way.
    "CREATE INDEX gravity_tasks_waiting ON gravity_tasks (type, priority, run_at, id) WHERE state = 'waiting'",
    // Without the lease's end, so that a heartbeat changes no index; there are never many.
    "CREATE INDEX gravity_tasks_running ON gravity_tasks (type) WHERE state = 'running'",
    "CREATE INDEX gravity_tasks_dead ON gravity_tasks (type, id) WHERE state = 'dead'",
    "CREATE INDEX gravity_tasks_expiring ON gravity_tasks (expires_at) WHERE expires_at IS NOT NULL",
    """
    CREATE UNIQUE INDEX gravity_tasks_unique_key ON gravity_tasks (type, unique_key)
    WHERE unique_key IS NOT NULL AND state IN ('waiting', 'running')
    """,
    """
    CREATE UNIQUE INDEX gravity_tasks_scheduled ON gravity_tasks (schedule, scheduled_for) WHERE schedule IS NOT NULL
    """,
    .table(
      "gravity_task_schedules",
      """
      name \(type: .text) PRIMARY KEY, cron \(type: .text) NOT NULL, time_zone \(type: .text) NOT NULL,
      type \(type: .text) NOT NULL, next_at \(type: .timestamptz) NOT NULL, last_at \(type: .timestamptz),
      seen_at \(type: .timestamptz) NOT NULL
      """),
  ]
}
