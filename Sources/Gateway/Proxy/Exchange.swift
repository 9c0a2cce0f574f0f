import NIOCore

/// One request and its answer, as the log and the metrics will tell of it. Used again by the next one of its
/// connection, so that its storage is too.
struct Exchange {
  var method = RequestMethod.get
  var route: PreparedRoute?
  /// Where the route leads. Kept with it: the loop's routes may be others before the answer is there.
  var service: LoopUpstream?
  var token: VerifiedToken?
  /// Whether the caller's API key was exchanged anew, since the token of the last time was revoked.
  var hasRenewedToken = false
  /// How many of the route's limits have let it pass.
  var limitsPassed = 0
  /// What the answer is to tell of limits; nil where it tells nothing.
  var limitFields: LimitFields?
  /// Nanoseconds of the monotonic clock: the end of the request's head.
  var start: Int64 = 0
  var trace: TraceFields?
  var requestID: [UInt8] = []
  var path = ByteBuffer()
  var clientName = ""
  var status = 0
  var responseBodyBytes = 0
  var upstreamID: String?
  /// What the answer says to pages of other origins; empty where the route says nothing.
  var corsLines: [UInt8] = []
  /// How the answer may be coded; nil leaves it as it is.
  var coding: ContentCoding?
  /// Whether the client came over TLS, as a trusted proxy says.
  var isSecure = false
  /// What consistent hashing goes by; nil where nothing does.
  var hashKey: UInt64?
  var refusal: String?
  /// Whether it has a place in its service's concurrency.
  var hasPlace = false
  var attempts = 0
  /// When the client no longer waits, as it said itself; .max where it did not.
  var latest = Int64.max
  /// When the request was sent whole, from when on the answer is waited for; nil before.
  var sentAt: Int64?
  /// When a body has to be there of which nothing more comes; each byte puts it off.
  var bodyLatest = Int64.max
  /// Instances that did not work out.
  var tried: [LoopInstance] = []
  /// Interim responses that were passed on.
  var interims = 0
  var isStreaming = false

  mutating func begin(at now: Int64, clientName: String) {
    route = nil
    service = nil
    token = nil
    hasRenewedToken = false
    limitsPassed = 0
    limitFields = nil
    start = now
    trace = nil
    requestID.removeAll(keepingCapacity: true)
    path.clear()
    self.clientName = clientName
    status = 0
    responseBodyBytes = 0
    upstreamID = nil
    if !corsLines.isEmpty { corsLines.removeAll() }
    coding = nil
    isSecure = false
    hashKey = nil
    refusal = nil
    hasPlace = false
    attempts = 0
    latest = .max
    sentAt = nil
    bodyLatest = .max
    if !tried.isEmpty { tried.removeAll() }
    interims = 0
    isStreaming = false
  }
}
