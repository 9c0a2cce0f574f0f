/// The one way in which tests wait for what goes on elsewhere: looks again and again until it is so.
///
/// Whatever is waited for in a test depends on no clock; how long it takes is the machine's affair. The bound only ends a
/// test that fails.
/// - Parameters:
///   - what: What is waited for, as a sentence.
///   - bound: Longer than a minute only for what takes longer than that on a machine that is busy.
/// - Throws: ``NeverCame`` when it was not so in time, or its task is cancelled; what `condition` throws, at once.
public func eventually(
  _ what: @autoclosure @Sendable () -> String, within bound: Duration = .seconds(60),
  fileID: String = #fileID, line: Int = #line, _ condition: () async throws -> Bool
) async throws {
  try await eventually(what(), within: bound, fileID: fileID, line: line) { try await condition() ? () : nil }
}

/// Waits for a value, and returns it.
public func eventually<Value>(
  _ what: @autoclosure @Sendable () -> String, within bound: Duration = .seconds(60),
  fileID: String = #fileID, line: Int = #line, _ value: () async throws -> Value?
) async throws -> Value {
  let end = ContinuousClock.now + bound
  var isLast: Bool
  repeat {
    // Asked before it looks, so that it has looked once after the time was up.
    isLast = ContinuousClock.now > end
    if let value = try await value() { return value }
    try? await Task.sleep(for: .milliseconds(10))
  } while !isLast && !Task.isCancelled
  throw NeverCame(description: "\(fileID):\(line): never \(isLast ? "within \(bound)" : "until cancelled"): \(what())")
}

/// What was waited for in vain, and where.
public struct NeverCame: Error, CustomStringConvertible {
  public var description: String
}
