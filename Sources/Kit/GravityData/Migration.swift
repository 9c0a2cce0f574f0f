/// One step forward of a service's schema.
///
/// Migrations run in the order of ``number``, each in a transaction of its own with its record in
/// `gravity_migrations`; several instances that start at once run each exactly once. What was applied may not change:
/// its checksum is kept and compared. A schema changes by expand → migrate → contract (decision 15), so that old and
/// new instances run side by side.
public struct Migration: Sendable {
  /// 1, 2, 3, … without a gap.
  public let number: Int
  /// What it does, in a few words.
  public let name: String
  public let statements: [SQL]

  public init(_ number: Int, _ name: String, _ statements: [SQL]) {
    self.number = number
    self.name = name
    self.statements = statements
  }
}
