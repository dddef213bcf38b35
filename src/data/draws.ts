import { type HostKey, threefry2x32 } from '../core/threefry.ts';

/**
 * A stream of random numbers for making data on the host: the words of Threefry-2x32 under one key, counted from
 * (stream, 0). Streams of one key are independent, so example i can have stream i and be the same whatever else is
 * made. Only + - * on doubles: the same bits on every machine.
 */
export class Draws {
  private readonly key: HostKey;
  private readonly stream: number;
  private block = 0;
  private spare = -1;

  /**
   * @param key two 32-bit words
   * @param stream 0 to 2^32 - 1
   */
  constructor(key: HostKey, stream: number) {
    this.key = key;
    this.stream = stream;
  }

  /** The next 32 random bits, 0 to 2^32 - 1. */
  word(): number {
    if (this.spare >= 0) {
      const word = this.spare;
      this.spare = -1;
      return word;
    }
    const [first, second] = threefry2x32(this.key[0], this.key[1], this.stream, this.block++);
    this.spare = second;
    return first;
  }

  /** Uniform on [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * (this.word() * 2 ** -32);
  }

  /** One of 0 .. count - 1, each equally likely to within count / 2^32. */
  below(count: number): number {
    return Math.floor(this.word() * 2 ** -32 * count);
  }

  /**
   * A bell-shaped number with mean 0 and standard deviation `deviation`: the scaled sum of three uniforms, which
   * never goes beyond three deviations.
   */
  bell(deviation: number): number {
    return (this.between(-1, 1) + this.between(-1, 1) + this.between(-1, 1)) * deviation;
  }
}
