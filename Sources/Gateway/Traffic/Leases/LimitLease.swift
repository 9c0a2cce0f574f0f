import GravityLimits

/// What one gateway holds and knows of one caller's bucket. Pure: it is told the time, in nanoseconds of the monotonic
/// clock.
///
/// A bucket is a stretch of time that whoever takes lengthens (``Bucket``), so each leased request is a piece of that
/// stretch. When its piece has passed, the bucket has that request again, and the lease has it no more. Pieces do not
/// overlap, whichever gateway has them; so all that is leased and not used, and what is left in the bucket, are never
/// more than the limit together. A lease that were kept longer would be admitted a second time.
struct LimitLease: Sendable {
  private struct Pieces: Sendable {
    var held = 0
    /// When the last of them has passed. Reckoned from when the store was asked, which is before it granted.
    var end = Int64.min
    var expiresAt = Int64.min

    func valid(_ interval: Int64, _ now: Int64) -> Int {
      guard held > 0, now < expiresAt, end > now else { return 0 }
      return Int(min(Int64(held), (end - now) / interval))
    }
  }

  /// The older go first. Two are enough: the next are asked for when little is left of these.
  private var older = Pieces()
  private var newer = Pieces()
  /// How many were leased at once last.
  private var size = 0
  /// Until then the bucket gives nothing to anybody, as the store said.
  private var refusedUntil = Int64.min
  /// When the bucket is whole again, as far as is known: others may have taken since.
  private(set) var whole = Int64.min
  /// Left in the bucket when the store last said so.
  private var remaining = 0
  private var askedAt = Int64.min
  private var used = 0
  private var usedSince: Int64
  /// Requests a nanosecond.
  private var rate = 0.0

  init(now: Int64) { usedSince = now }

  enum Answer: Sendable, Equatable {
    /// - Parameters:
    ///   - refill: More than 0 when the store should be asked for so many now, so that the next need not wait.
    case admitted(RateLimiter.Decision, refill: Int)
    case refused(RateLimiter.Decision)
    /// Only the store can say; ask it for so many besides those that wait.
    case ask(besides: Int)
  }

  /// Decides about a request.
  ///
  /// - Parameters:
  ///   - share: Requests that may be leased at once.
  ///   - patience: Nanoseconds after which a question counts as lost.
  mutating func take(_ terms: LeaseTerms, share: Int, patience: Int64, now: Int64) -> Answer {
    var left = older.valid(terms.interval, now)
    if left > 0 {
      older.held = left - 1
      left = left - 1 + newer.valid(terms.interval, now)
    } else {
      left = newer.valid(terms.interval, now)
      (older, newer) = (newer, Pieces())
      guard left > 0 else {
        older = Pieces()
        if now < refusedUntil {
          return .refused(
            .init(isAdmitted: false, remaining: 0, retryAfter: refusedUntil - now, reset: max(0, whole - now)))
        }
        return .ask(besides: ask(terms, share, patience, now))
      }
      older.held = left - 1
      left -= 1
    }
    used += 1
    let isLow = left * 2 < size || max(older.expiresAt, newer.expiresAt) - now < terms.horizon
    let refill = isLow && !isAsked(patience, now) ? refill(terms, share, now) : 0
    return .admitted(
      .init(
        isAdmitted: true, remaining: left + remaining, retryAfter: left + remaining > 0 ? 0 : terms.interval,
        reset: max(0, whole - now)), refill: refill)
  }

  /// Where an answer is under way already, the next question is only about those that wait.
  private mutating func ask(_ terms: LeaseTerms, _ share: Int, _ patience: Int64, _ now: Int64) -> Int {
    guard !isAsked(patience, now) else { return 0 }
    askedAt = now
    return wish(terms, share, now)
  }

  private func isAsked(_ patience: Int64, _ now: Int64) -> Bool { askedAt != .min && now - askedAt < patience }

  /// A bucket that just said that it is empty is not asked again before it can have something.
  private mutating func refill(_ terms: LeaseTerms, _ share: Int, _ now: Int64) -> Int {
    guard now >= refusedUntil else { return 0 }
    askedAt = now
    return max(1, wish(terms, share, now))
  }

  /// By how much the caller used lately, and what flows back into a nearly whole bucket before that is used.
  private mutating func wish(_ terms: LeaseTerms, _ share: Int, _ now: Int64) -> Int {
    guard !terms.asksEachTime else { return 0 }
    let recent = Double(used) / Double(max(now - usedSince, 1_000_000))
    rate = max(recent, rate / 2)
    (used, usedSince) = (0, now)
    return min(share, Int(rate * Double(terms.horizon)) + Self.passing(terms, whole: whole, now))
  }

  /// Requests whose pieces pass within the horizon. Where the bucket is nearly whole it costs nobody anything to lease
  /// them: the bucket has them again when they have passed.
  private static func passing(_ terms: LeaseTerms, whole: Int64, _ now: Int64) -> Int {
    let ahead = max(whole, now) - now
    return Int(max(0, terms.horizon - ahead) / terms.interval)
  }

  /// Takes what the store granted.
  ///
  /// - Parameters:
  ///   - besides: How many it was asked for besides those for requests that waited.
  ///   - spent: How many of the granted went to requests that waited.
  ///   - asked: When the store was asked.
  /// - Returns: How many are leased now that were not, and how many were given up for them.
  mutating func take(
    _ grant: LimitGrant, besides: Int, spent: Int, _ terms: LeaseTerms, asked: Int64, now: Int64
  ) -> (leased: Int, lost: Int) {
    // An answer that is only about those that waited says nothing of a lease that is on its way.
    if besides > 0 { askedAt = .min }
    used += spent
    // Answers may overtake one another; what is known of the bucket only ever moves on.
    whole = max(whole, asked + grant.reset * 1_000)
    refusedUntil = grant.remaining > 0 ? .min : max(refusedUntil, asked + grant.retryAfter * 1_000)
    remaining = grant.remaining
    let kept = max(0, grant.taken - spent)
    guard kept > 0, !terms.asksEachTime else { return (0, kept) }
    let lost = newer.held > 0 ? older.valid(terms.interval, now) : 0
    if newer.held > 0 { older = newer }
    newer = Pieces(held: kept, end: asked + grant.reset * 1_000, expiresAt: asked + terms.life)
    size = kept
    return (kept, lost)
  }

  /// The store was asked and said nothing.
  mutating func fail() { askedAt = .min }

  /// Requests that could be admitted at `now` without asking.
  func held(_ terms: LeaseTerms, now: Int64) -> Int {
    older.valid(terms.interval, now) + newer.valid(terms.interval, now)
  }

  /// Until when something of it matters.
  var usefulUntil: Int64 { max(whole, refusedUntil, older.expiresAt, newer.expiresAt, askedAt) }
}
