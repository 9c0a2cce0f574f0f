import GravityData

/// The ledger's table. The database itself refuses what would break it: a transfer that is changed or deleted, one
/// between currencies or from an account to itself, more posted and voided than is pending.
enum LedgerSchema {
  static let statements: [SQL] =
    [
      .table(
        "ledger_transfers",
        """
        id \(type: .uuid) PRIMARY KEY, phase \(type: .text) NOT NULL CHECK (phase IN ('single', 'pending', 'post', 'void')),
        pending_id \(type: .uuid), code \(type: .text) NOT NULL, currency \(type: .text) NOT NULL,
        debit \(type: .text) NOT NULL CHECK (substr(debit, 1, 4) = currency || ':'),
        credit \(type: .text) NOT NULL CHECK (substr(credit, 1, 4) = currency || ':'),
        amount \(type: .bigint) NOT NULL CHECK (amount > 0), payment_id \(type: .uuid) NOT NULL,
        attempt_id \(type: .uuid) NOT NULL, refund_id \(type: .uuid), created_at \(type: .timestamptz) NOT NULL,
        CHECK (length(currency) = 3), CHECK (debit <> credit),
        CHECK ((phase IN ('post', 'void')) = (pending_id IS NOT NULL))
        """),
      // What an attempt brings about is written once.
      "CREATE UNIQUE INDEX ledger_transfers_attempt ON ledger_transfers (attempt_id, code, phase)",
      "CREATE INDEX ledger_transfers_payment ON ledger_transfers (payment_id, id)",
      "CREATE INDEX ledger_transfers_pending ON ledger_transfers (pending_id) WHERE pending_id IS NOT NULL",
    ] + appendOnly + bounded

  private static let appendOnly: [SQL] = [
    .only(
      .sqlite,
      """
      CREATE TRIGGER ledger_transfers_unchanged BEFORE UPDATE ON ledger_transfers
      BEGIN SELECT RAISE(ABORT, 'ledger transfers are never changed'); END
      """)
      + .only(
        .postgresql,
        """
        CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'ledger transfers are never changed' USING ERRCODE = 'check_violation'; END $$
        """),
    .only(
      .sqlite,
      """
      CREATE TRIGGER ledger_transfers_kept BEFORE DELETE ON ledger_transfers
      BEGIN SELECT RAISE(ABORT, 'ledger transfers are never deleted'); END
      """)
      + .only(
        .postgresql,
        """
        CREATE TRIGGER ledger_transfers_unchanged BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transfers
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change()
        """),
  ]

  private static let bounded: [SQL] = [
    .only(
      .sqlite,
      """
      CREATE TRIGGER ledger_transfers_bounded BEFORE INSERT ON ledger_transfers WHEN NEW.pending_id IS NOT NULL
      BEGIN SELECT RAISE(ABORT, 'more is posted and voided than is pending') WHERE NOT EXISTS (
        SELECT 1 FROM ledger_transfers AS held
        WHERE held.id = NEW.pending_id AND held.phase = 'pending' AND held.debit = NEW.debit
          AND held.credit = NEW.credit AND held.amount >= NEW.amount + (
            SELECT coalesce(sum(amount), 0) FROM ledger_transfers WHERE pending_id = NEW.pending_id)); END
      """)
      + .only(
        .postgresql,
        """
        CREATE FUNCTION ledger_check_pending() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF NOT EXISTS (
            SELECT 1 FROM ledger_transfers AS held
            WHERE held.id = NEW.pending_id AND held.phase = 'pending' AND held.debit = NEW.debit
              AND held.credit = NEW.credit AND held.amount >= NEW.amount + (
                SELECT coalesce(sum(amount), 0) FROM ledger_transfers WHERE pending_id = NEW.pending_id))
          THEN
            RAISE EXCEPTION 'more is posted and voided than is pending' USING ERRCODE = 'check_violation';
          END IF;
          RETURN NEW;
        END $$
        """),
    // SQLite's is complete; a statement that does nothing keeps the numbers of both alike.
    .only(.sqlite, "SELECT 1")
      + .only(
        .postgresql,
        """
        CREATE TRIGGER ledger_transfers_bounded BEFORE INSERT ON ledger_transfers
        FOR EACH ROW WHEN (NEW.pending_id IS NOT NULL) EXECUTE FUNCTION ledger_check_pending()
        """),
  ]
}
