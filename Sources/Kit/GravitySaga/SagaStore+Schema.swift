public import GravityData

extension SagaStore {
  /// To be part of a service's migration.
  public static let migrationStatements: [SQL] = [
    .table(
      "gravity_sagas",
      """
      id \(type: .uuid) PRIMARY KEY, name \(type: .text) NOT NULL, subject \(type: .text) NOT NULL,
      state \(type: .text) NOT NULL, kind \(type: .text) NOT NULL, step \(type: .text), done \(type: .text) NOT NULL,
      data \(type: .text) NOT NULL, owner \(type: .text), version \(type: .bigint) NOT NULL,
      attempt \(type: .bigint) NOT NULL, began_at \(type: .timestamptz), failures \(type: .bigint) NOT NULL,
      patient_since \(type: .timestamptz), in_doubt \(type: .boolean) NOT NULL, past_pivot \(type: .boolean) NOT NULL,
      awaiting \(type: .text), wait_until \(type: .timestamptz), signals \(type: .bigint) NOT NULL,
      run_at \(type: .timestamptz), reason_code \(type: .text), reason_detail \(type: .text),
      cancel_code \(type: .text), cancel_detail \(type: .text), error \(type: .text),
      entries \(type: .bigint) NOT NULL, traceparent \(type: .text), request_id \(type: .text),
      started_at \(type: .timestamptz) NOT NULL, updated_at \(type: .timestamptz) NOT NULL,
      ended_at \(type: .timestamptz), expires_at \(type: .timestamptz)
      """)
      // A row changes with each step: room for updates in place, and dead rows swept before they pile up.
      + .only(
        .postgresql,
        """
         WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500,
        autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05)
        """),
    // No index has a column that a step changes.
    "CREATE INDEX gravity_sagas_due ON gravity_sagas (name, run_at) WHERE owner IS NULL AND run_at IS NOT NULL",
    "CREATE INDEX gravity_sagas_owned ON gravity_sagas (owner) WHERE owner IS NOT NULL",
    "CREATE INDEX gravity_sagas_unfinished ON gravity_sagas (state, id) WHERE ended_at IS NULL",
    "CREATE INDEX gravity_sagas_state ON gravity_sagas (state, id)",
    "CREATE INDEX gravity_sagas_name ON gravity_sagas (name, id)",
    "CREATE INDEX gravity_sagas_subject ON gravity_sagas (subject, id)",
    "CREATE INDEX gravity_sagas_expiring ON gravity_sagas (expires_at) WHERE expires_at IS NOT NULL",
    .table(
      "gravity_saga_steps",
      """
      saga \(type: .uuid) NOT NULL, number \(type: .bigint) NOT NULL, step \(type: .text) NOT NULL,
      kind \(type: .text) NOT NULL, attempt \(type: .bigint) NOT NULL, started_at \(type: .timestamptz) NOT NULL,
      ended_at \(type: .timestamptz) NOT NULL, outcome \(type: .text) NOT NULL, error \(type: .text),
      PRIMARY KEY (saga, number)
      """),
    .table(
      "gravity_saga_signals",
      """
      saga \(type: .uuid) NOT NULL, number \(type: .bigint) NOT NULL, event \(type: .text) NOT NULL,
      payload \(type: .text) NOT NULL, is_consumed \(type: .boolean) NOT NULL,
      received_at \(type: .timestamptz) NOT NULL, PRIMARY KEY (saga, number)
      """),
    // One lease for all that an instance runs, so that it is renewed by one small write however many they are.
    .table(
      "gravity_saga_owners",
      "id \(type: .text) PRIMARY KEY, lease_until \(type: .timestamptz) NOT NULL"),
  ]
}
