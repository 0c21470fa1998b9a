import Testing
import Training

@Suite struct LargestTests {
    @Test func ordersAndBreaksTies() {
        let slice = ([9, 1, 3, 3, 2] as [Float])[1...]
        #expect(slice.largest(3) == [1, 2, 3])
        #expect(slice.largest(1) == [1])
        #expect(slice.largest(9) == [1, 2, 3, 0])
        #expect(slice.prefix(0).largest(1) == [])
    }
}
