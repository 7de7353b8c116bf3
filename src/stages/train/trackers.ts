import * as z from 'zod';

/** Services that a training's curves are sent to. `Trackers` in `trainers/secpi_trainers/training/asked/trackers.py` has the same. */
export const trackersSchema = z.strictObject({
  /** Weights & Biases, with WANDB_API_KEY. */
  wandb: z
    .strictObject({
      /** Its project. */
      project: z.string(),
      /** Whose; default: yours. */
      entity: z.string().optional(),
      /** `offline` writes into the job's folder, for `wandb sync`. */
      mode: z.enum(['online', 'offline']).default('online'),
    })
    .optional(),
  /** MLflow. */
  mlflow: z
    .strictObject({
      /** The server's address. */
      tracking_uri: z.string(),
      /** Its experiment. */
      experiment: z.string(),
    })
    .optional(),
  /** Trackio, in the job's folder. */
  trackio: z
    .strictObject({
      /** Its project. */
      project: z.string(),
    })
    .optional(),
});
