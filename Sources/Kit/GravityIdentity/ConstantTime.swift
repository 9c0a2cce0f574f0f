/// Compares secrets without telling by the time taken where they differ.
public enum ConstantTime {
  /// The lengths are no secret. To be specialized where it is used: by way of witnesses each octet costs four calls.
  @inlinable public static func areEqual(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    var difference: UInt8 = 0
    for (a, b) in zip(left, right) { difference |= a ^ b }
    return difference == 0
  }
}
