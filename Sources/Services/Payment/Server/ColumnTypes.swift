public import GravityData
public import PaymentAPI

// Kept in the databases as the wire writes them.
extension CaptureMethod: SQLBindable, SQLDecodable {}
extension AttemptOperation: SQLBindable, SQLDecodable {}
extension AttemptState: SQLBindable, SQLDecodable {}
extension RefundStatus: SQLBindable, SQLDecodable {}
extension LedgerPhase: SQLBindable, SQLDecodable {}
extension SimulatorChargeStatus: SQLBindable, SQLDecodable {}
