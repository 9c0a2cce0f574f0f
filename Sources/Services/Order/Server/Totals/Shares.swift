/// Divides an amount so that the parts add up to it exactly.
enum Shares {
  /// Each weight's share of `total` by largest remainder: every part is its exact share, rounded down or up, and what
  /// is left over goes to the largest remainders, of equal ones to the first.
  ///
  /// - Parameters:
  ///   - total: 0 or more.
  ///   - weights: 0 or more; when all are 0, so are the shares but the first, which takes everything.
  static func divide(_ total: Int64, by weights: [Int64]) -> [Int64] {
    let sum = weights.reduce(Int128(0)) { $0 + Int128($1) }
    guard sum > 0 else { return weights.indices.map { $0 == 0 ? total : 0 } }
    var shares: [Int64] = []
    var remainders: [(index: Int, remainder: Int128)] = []
    for (index, weight) in weights.enumerated() {
      let (quotient, remainder) = (Int128(total) * Int128(weight)).quotientAndRemainder(dividingBy: sum)
      shares.append(Int64(quotient))
      remainders.append((index, remainder))
    }
    let left = Int(total - shares.reduce(0, +))
    remainders.sort { $0.remainder != $1.remainder ? $0.remainder > $1.remainder : $0.index < $1.index }
    for (index, _) in remainders.prefix(left) { shares[index] += 1 }
    return shares
  }
}
