// Changes inputs at random and asks what must hold of whatever reads them: the codec, the route file, tokens. A seed and
// a number name an input. Usage: gatewayfuzz CORPUS_FOLDER [RUNS | SECONDSs] [SEED]
import Foundation

let usage = "Usage: gatewayfuzz CORPUS_FOLDER [RUNS, or a time such as 600s] [SEED]"
let arguments = CommandLine.arguments
guard (2...4).contains(arguments.count),
  let names = try? FileManager.default.contentsOfDirectory(atPath: arguments[1]).sorted()
else {
  print(usage)
  exit(64)
}
let amount = arguments.count > 2 ? arguments[2] : "1000000"
let seconds = amount.hasSuffix("s") ? Double(amount.dropLast()) : nil
guard let runs = seconds == nil ? Int(amount) : .max, let seed = UInt64(arguments.count > 3 ? arguments[3] : "1") else {
  print(usage)
  exit(64)
}

/// Whether it reads a file of the corpus: tokens are made anew with a key that never changes.
func files(_ isRead: (String) -> Bool) -> [[UInt8]] {
  names.filter(isRead).compactMap { FileManager.default.contents(atPath: arguments[1] + "/" + $0).map { Array($0) } }
}

let codec = CodecFuzz(corpus: files { !$0.hasSuffix(".yaml") })
let routeFile = RouteFileFuzz(corpus: files { $0.hasSuffix(".yaml") })
let tokens = try await TokenFuzz()
guard !codec.corpus.isEmpty, !routeFile.corpus.isEmpty else {
  print("The corpus is empty.")
  exit(65)
}

var random = Seeded(state: seed)
var counts = (codec: 0, routeFile: 0, tokens: 0)
let began = ContinuousClock.now
var told = began
var run = 0
while run < runs {
  // Requests come from anybody, tokens with each of them, route files from the operator.
  let input: [UInt8]
  let fault: String?
  switch run % 32 {
  case 0:
    (input, fault) = routeFile.try(&random)
    counts.routeFile += 1
  case 1, 2:
    input = tokens.draw(&random)
    fault = await tokens.fault(in: input)
    counts.tokens += 1
  default:
    (input, fault) = codec.try(&random)
    counts.codec += 1
  }
  if let fault {
    let file = arguments[1] + "/found-\(seed)-\(run)" + (run % 32 == 0 ? ".yaml" : "")
    _ = FileManager.default.createFile(atPath: file, contents: Data(input))
    print("Run \(run) of seed \(seed): \(fault)\nKept as \(file)")
    exit(1)
  }
  run += 1
  guard run % 1_024 == 0 else { continue }
  let now = ContinuousClock.now
  if now - told > .seconds(30) {
    told = now
    print("\(run) runs, \((now - began).components.seconds) s")
    fflush(nil)
  }
  if let seconds, now - began > .seconds(seconds) { break }
}
print(
  "\(run) runs of seed \(seed) in \((ContinuousClock.now - began).components.seconds) s: nothing found. "
    + "\(counts.codec) of the codec over \(codec.corpus.count) inputs, \(counts.routeFile) of the route file over "
    + "\(routeFile.corpus.count), of which \(routeFile.taken) were taken, \(counts.tokens) of tokens, of which "
    + "\(tokens.accepted) were accepted.")
