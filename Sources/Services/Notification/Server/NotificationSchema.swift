public import GravityData
import GravityEvents
import GravityTasks

/// The tables of notif_db.
public enum NotificationSchema {
  public static let migrations: [Migration] = [
    Migration(1, "idempotency", Idempotency.migrationStatements),
    Migration(2, "notifications and their deliveries", notifications + deliveries),
    Migration(3, "templates", templates),
    Migration(4, "events", Outbox.migrationStatements + EventConsumer.migrationStatements),
    Migration(5, "tasks", TaskQueue.migrationStatements + Lease.migrationStatements),
  ]

  private static let notifications: [SQL] = [
    .table(
      "notifications",
      """
      id \(type: .uuid) PRIMARY KEY, template \(type: .text) NOT NULL, source \(type: .text) NOT NULL,
      user_id \(type: .uuid), address \(type: .text), name \(type: .text), locale \(type: .text), data \(type: .text),
      about \(type: .text), once_key \(type: .text), traceparent \(type: .text),
      created_at \(type: .timestamptz) NOT NULL
      """),
    // What makes an event that is told twice, in whatever way, lead to one message.
    "CREATE UNIQUE INDEX notifications_once_key ON notifications (once_key) WHERE once_key IS NOT NULL",
    "CREATE INDEX notifications_user ON notifications (user_id, id) WHERE user_id IS NOT NULL",
    "CREATE INDEX notifications_about ON notifications (about, id) WHERE about IS NOT NULL",
    .table("erased_users", "user_id \(type: .uuid) PRIMARY KEY, erased_at \(type: .timestamptz) NOT NULL"),
  ]

  private static let deliveries: [SQL] = [
    .table(
      "deliveries",
      """
      id \(type: .uuid) PRIMARY KEY, notification_id \(type: .uuid) NOT NULL, channel \(type: .text) NOT NULL,
      state \(type: .text) NOT NULL, reason \(type: .text), error \(type: .text), attempt \(type: .bigint) NOT NULL,
      failures \(type: .bigint) NOT NULL, due_at \(type: .timestamptz), sent_at \(type: .timestamptz),
      steps \(type: .bigint) NOT NULL, created_at \(type: .timestamptz) NOT NULL
      """)
      // Each row is changed twice within a second and then never again.
      + .only(
        .postgresql,
        " WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200)"),
    "CREATE UNIQUE INDEX deliveries_notification ON deliveries (notification_id, channel)",
    "CREATE INDEX deliveries_due_at ON deliveries (due_at, id) WHERE due_at IS NOT NULL",
    // Not those that were sent, which are nearly all: nobody looks for them by their state.
    "CREATE INDEX deliveries_state ON deliveries (state, notification_id) WHERE state <> 'sent'",
    .table(
      "delivery_steps",
      """
      delivery_id \(type: .uuid) NOT NULL, number \(type: .bigint) NOT NULL, at \(type: .timestamptz) NOT NULL,
      state \(type: .text) NOT NULL, reason \(type: .text), detail \(type: .text), PRIMARY KEY (delivery_id, number)
      """),
    .table(
      "messages",
      """
      delivery_id \(type: .uuid) PRIMARY KEY, recipient \(type: .text) NOT NULL, subject \(type: .text) NOT NULL,
      body \(type: .text) NOT NULL, html \(type: .text), locale \(type: .text) NOT NULL,
      template_version \(type: .bigint) NOT NULL, written_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE INDEX messages_recipient ON messages (recipient, delivery_id)",
    "CREATE INDEX messages_written_at ON messages (written_at)",
  ]

  private static let templates: [SQL] = [
    .table(
      "templates",
      """
      name \(type: .text) PRIMARY KEY, published_version \(type: .bigint), last_version \(type: .bigint) NOT NULL,
      draft \(type: .text), version \(type: .bigint) NOT NULL, created_at \(type: .timestamptz) NOT NULL,
      updated_at \(type: .timestamptz) NOT NULL
      """),
    .table(
      "template_versions",
      """
      name \(type: .text) NOT NULL, version \(type: .bigint) NOT NULL, content \(type: .text) NOT NULL,
      note \(type: .text), created_by \(type: .text) NOT NULL, created_at \(type: .timestamptz) NOT NULL,
      PRIMARY KEY (name, version)
      """),
  ]
}
