extension Rule {
    static let load: [Rule] = []
}
